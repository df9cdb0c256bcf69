"""What is there: tracks, plays, models and lists, for `cfstatus` and `cfembed --model`."""
