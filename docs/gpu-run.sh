#!/bin/sh
# Checks and times the graphics card of this machine with what `make gpu-kit`
# built: run.sh [DATA.npz]. SOAK=10m soaks longer. PEER=python3 times PyTorch on
# the same card. Everything is also written to results.txt.
set -u
cd "$(dirname "$0")" || exit 1
data=${1:-}
case $data in "" | /*) ;; *) data=$OLDPWD/$data ;; esac
failed=0
step() {
	printf '\n== %s\n' "$1"
	shift
	"$@" || { failed=1; echo "FAILED: $*"; }
}
all() {
	step "devices" ./nodulescope devices --check
	export NODULESCOPE_GPU_SOAK="${SOAK:-4m}" NODULESCOPE_GPU_DATA="$data"
	step "suite of the engine" ./gpu.test -test.v -test.timeout 60m
	step "scores and searches" ./models.test -test.v -test.run OnDevice
	step "detectors" ./detector.test -test.v -test.timeout 60m -test.run 'TestPlace|TestDevicesAgree'
	if [ -n "${PEER:-}" ]; then
		step "times" ./nodulescope bench --device gpu --peer torch_device.py --python "$PEER"
	else
		step "times" ./nodulescope bench --device gpu
	fi
	[ $failed = 0 ] && echo "all passed" || echo "SOMETHING FAILED, see above"
}
all 2>&1 | tee results.txt
