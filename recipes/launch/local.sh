#!/bin/sh
# train_command: sh {launch}/local.sh {recipe} {output_dir} {seed}
#
# Trains here and now; axolotl's environment is the active one, or first in PATH, and need not be that of the study.
# What every launcher must do: train RECIPE into OUTPUT_DIR, and make the file OUTPUT_DIR/trained last.
set -eu
recipe=$1 output_dir=$2 seed=$3
export AXOLOTL_DO_NOT_TRACK=1
axolotl train "$recipe" --output-dir "$output_dir" --seed "$seed"
touch "$output_dir/trained"
