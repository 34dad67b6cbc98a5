#!/bin/sh
#SBATCH --job-name=dskill-mix
#SBATCH --nodes=1
#SBATCH --gres=gpu:8
#SBATCH --cpus-per-task=64
#SBATCH --time=12:00:00
#SBATCH --output=logs/slurm-%j.log
# train_command: sbatch {launch}/slurm.sh {recipe} {output_dir} {seed}
#
# One node of a Slurm cluster that shares its disk with the study. First things to change: gpu:8, to the GPUs of the
# recipe; the partition and account that your cluster wants; how axolotl's environment is found.
set -eu
recipe=$1 output_dir=$2 seed=$3
export AXOLOTL_DO_NOT_TRACK=1
axolotl train "$recipe" --output-dir "$output_dir" --seed "$seed"
touch "$output_dir/trained"
