"""What AWS announces: a function for each kind of event."""

from shared.cold_start import begin

begin()
