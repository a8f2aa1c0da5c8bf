-- A type that others are renamed to is not renamed itself.
select
    renamed.service_request_type,
    renamed.type_name,
    current_type.type_name as renamed_again
from {{ ref('service_request_types') }} as renamed
inner join {{ ref('service_request_types') }} as current_type
    on renamed.type_name = current_type.service_request_type
where current_type.type_name != current_type.service_request_type
