{{ requests_in_last_days(['ward_model', 'ward_id']) }}
