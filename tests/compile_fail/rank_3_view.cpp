// SPDX-License-Identifier: Apache-2.0
// expect: seqrec: a view is a vector (1) or a matrix (2); pack further axes into rows
#include "seqrec/core/tensor.hpp"

seqrec::TensorView<float, 3, seqrec::HostSpace> cube;
