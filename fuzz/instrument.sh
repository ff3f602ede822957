#!/bin/sh
# Cargo calls this in place of rustc for the workspace's own crates: what a fuzzer steers by is compiled into those alone, so
# the dependencies are the ones that the tests have compiled already. Stable toolchain, no sanitizer.
exec "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
