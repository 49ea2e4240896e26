// SPDX-License-Identifier: Apache-2.0
// A host matrix in the argument struct of an op over a device.
// expect: HostSpace
// expect: DeviceSpace
#include "seqrec/core/context_base.hpp"
#include "seqrec/ops/linear.hpp"

using Context = seqrec::ContextBase<float, float, seqrec::DeviceSpace>;

seqrec::LinearForward<Context> arguments(seqrec::MatrixView<const float, seqrec::HostSpace> x) { return {.x = x}; }
