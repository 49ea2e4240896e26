// SPDX-License-Identifier: Apache-2.0
// Gradient-boosted trees by LightGBM: everything in trees/. Optional, link seqrec::lightgbm.
//
//     const TreeData training({names}, TreeRows<double>{values, columns}, {labels, groups}, options);
//     const TreeData validation(training, rows, labels, options);
//     const Booster booster = train_booster(training, &validation, options).booster;
//     booster.scores(rows); booster.contributions(rows); booster.save("booster.txt");
#pragma once

#include "seqrec/trees/booster.hpp"
#include "seqrec/trees/booster_options.hpp"
#include "seqrec/trees/decision_path.hpp"
#include "seqrec/trees/model_text.hpp"
#include "seqrec/trees/row_scorer.hpp"
#include "seqrec/trees/train_booster.hpp"
#include "seqrec/trees/tree_data.hpp"
#include "seqrec/trees/tree_nodes.hpp"
#include "seqrec/trees/tree_rows.hpp"
