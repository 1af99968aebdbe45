"""A real JACK server with the dummy driver, for PortAudio and rtmidi; tests are skipped without jackd."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import pytest

from aedsp.live import portaudio

SERVER = "aedsp-test"
RATE, PERIOD = 44_100, 512


class Server:
    """A jackd process that tests can stop and restart."""

    def __init__(self, log):
        self.log, self.process = log, None

    def start(self, rate=RATE, period=PERIOD):
        options = ["--no-mlock", "-n", SERVER, "--port-max", "128"]
        driver = ["-d", "dummy", "-C", "2", "-P", "2", "-r", str(rate), "-p", str(period)]
        for priority in (["-R", "-P", "70"], ["-r"]):
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(["jackd", *options, *priority, *driver], stdout=log, stderr=log)
            waited = subprocess.run(["jack_wait", "-s", SERVER, "-w", "-t", "10"], capture_output=True)
            if waited.returncode == 0 and self.process.poll() is None:
                return
            self.stop()
        pytest.skip(f"jackd does not start; see {self.log}")

    def stop(self):
        if "sounddevice" in sys.modules:  # PortAudio aborts the process at exit if its server is gone
            portaudio.release()
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
            time.sleep(0.2)


@pytest.fixture(scope="module")
def jack_server(tmp_path_factory):
    if not shutil.which("jackd"):
        pytest.skip("jackd is not installed; on Debian: apt install jackd2 libportaudio2")
    pytest.importorskip("jack", reason="pip install JACK-Client")
    os.environ["JACK_DEFAULT_SERVER"] = SERVER
    os.environ["JACK_NO_START_SERVER"] = "1"
    server = Server(tmp_path_factory.mktemp("jack") / "jackd.log")
    server.start()
    yield server
    server.stop()
    del os.environ["JACK_DEFAULT_SERVER"], os.environ["JACK_NO_START_SERVER"]
    portaudio.restart()


@pytest.fixture
def jack(jack_server):
    """The running server, with PortAudio connected."""
    if jack_server.process is None or jack_server.process.poll() is not None:
        jack_server.start()
    portaudio.restart()
    return jack_server
