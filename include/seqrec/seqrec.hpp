// SPDX-License-Identifier: Apache-2.0
/// Everything but a backend: models, data, training. Include <seqrec/cpu.hpp> or <seqrec/cuda.cuh> beside it.
#pragma once

#include "seqrec/data/batcher.hpp"
#include "seqrec/data/candidate_file.hpp"
#include "seqrec/data/candidates.hpp"
#include "seqrec/data/load.hpp"
#include "seqrec/data/split.hpp"
#include "seqrec/data/synthetic.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/metrics/classification.hpp"
#include "seqrec/metrics/ranking.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/optim/adam.hpp"
#include "seqrec/optim/schedule.hpp"
#include "seqrec/train/evaluate.hpp"
#include "seqrec/train/objectives.hpp"
#include "seqrec/train/recommend.hpp"
#include "seqrec/train/trainer.hpp"
#include "seqrec/version.hpp"
