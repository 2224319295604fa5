"""When mail goes: occurrences, schedules, planning."""
