{{ requests_by_age(['type_group', 'ward_model', 'ward_id']) }}
