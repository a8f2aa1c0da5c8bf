{{ requests_by_age(['type_group', 'type_name']) }}
