/* One table. Included by body.h for each: TABLE is its name, DENSE_LANES those that take the weights. */
const Kernels E(TABLE) = {
    .lanes = MOST_LANES,
    .fast_halves = MOST_LANES >= 8,
    .fft_forward = E(fft_forward),
    .fft_inverse = E(fft_inverse),
    .multiply = E(multiply),
    .multiply_add = E(multiply_add),
    .polar = E(polar),
    .run_on = E(run_on),
    .turn = E(turn),
    .clamp = E(clamp),
    .accept = E(accept),
    .limit = E(limit),
    .exceeds = E(exceeds),
    .dense_forward = {AT(dense_forward_float32, DENSE_LANES), AT(dense_forward_float16, DENSE_LANES),
                      AT(dense_forward_int8, DENSE_LANES)},
    .dense_accumulate = {AT(dense_accumulate_float32, DENSE_LANES), AT(dense_accumulate_float16, DENSE_LANES),
                         AT(dense_accumulate_int8, DENSE_LANES)},
    .sigmoid = AT(sigmoid, MOST_LANES),
    .tanh = AT(tanh, MOST_LANES),
    .relu = AT(relu, MOST_LANES),
    .logarithm = AT(logarithm, MOST_LANES),
    .phasors = AT(phasors, MOST_LANES),
    .angles = AT(angles, MOST_LANES),
    .dot = AT(dot, MOST_LANES),
};
#undef TABLE
#undef DENSE_LANES
