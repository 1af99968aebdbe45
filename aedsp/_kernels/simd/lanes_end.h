/* Undefines the names of lanes.h, so that it can be included for the next lane width. */
#undef L
#undef AEDSP_JOIN
#undef AEDSP_JOIN3
#undef V
#undef I
#undef load
#undef store
#undef splat
#undef bits_of
#undef from_bits
#undef larger
#undef smaller
#undef choose_above
#undef sum_of
#undef load_half
#undef load_byte
#undef LANES
