"""Models that plan by chunks of learned behaviour, each imagined, the best chosen by a learned distance."""
