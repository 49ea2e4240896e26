// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iostream>

#include "seqrec/core/errors.hpp"
#include "seqrec/metrics/calibration.hpp"

namespace examples {

/// What fits a calibration, e.g. [&] { return seqrec::fit_click_calibration(...); }; where there is none, because a
/// model has collapsed or is perfect, scores stay as they are, and a line says so: that is no reason to lose a result.
template <class Fit>
seqrec::Calibration calibrate(Fit&& fit) {
  try {
    return fit();
  } catch (const seqrec::DataError& error) {
    std::cerr << "log loss of scores as they are: " << error.what() << '\n';
    return {};
  }
}

}  // namespace examples
