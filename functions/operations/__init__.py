"""Operations: what the platform does to itself, called by hand or by a command."""

from shared.cold_start import begin

begin()
