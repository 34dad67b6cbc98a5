#!/bin/sh
# train_command: sh {launch}/hf-jobs.sh {recipe} {output_dir} {seed}
#
# A job on the Hub's GPUs. It sees no disk of yours: the recipe goes along in a variable, the dataset comes from the Hub
# (publish the run's dataset under the recipe's name first), and the checkpoint goes to a private repository of yours:
#   hf download $DSKILL_CHECKPOINTS --include '<output_dir>/*' --local-dir .     in the run folder; the study goes on
# Needs: hf auth login; DSKILL_CHECKPOINTS=you/repository. First thing to change: FLAVOR, to the GPUs of the recipe
# (hf jobs hardware lists them; a recipe for one GPU of 80 GB fits a100-large). Not run by us.
set -eu
recipe=$1 output_dir=$2 seed=$3
hf repos create "$DSKILL_CHECKPOINTS" --private --exist-ok
hf jobs run --detach --flavor "${FLAVOR:-a100-large}" --timeout 12h --secrets HF_TOKEN \
  --env RECIPE="$(cat "$recipe")" --env OUTPUT_DIR="$output_dir" --env SEED="$seed" \
  --env CHECKPOINTS="$DSKILL_CHECKPOINTS" --env AXOLOTL_DO_NOT_TRACK=1 \
  python:3.11 bash -euc '
    pip install --quiet torch==2.13.0 axolotl==0.19.0
    printf "%s" "$RECIPE" > recipe.yml
    axolotl train recipe.yml --output-dir "$OUTPUT_DIR" --seed "$SEED"
    hf upload "$CHECKPOINTS" "$OUTPUT_DIR" "$OUTPUT_DIR" --exclude "checkpoint-*/**"
    touch "$OUTPUT_DIR/trained"
    hf upload "$CHECKPOINTS" "$OUTPUT_DIR/trained" "$OUTPUT_DIR/trained"'
