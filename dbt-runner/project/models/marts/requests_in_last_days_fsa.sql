{{ requests_in_last_days(['fsa']) }}
