"""One file per endpoint."""

from shared.cold_start import begin

begin()
