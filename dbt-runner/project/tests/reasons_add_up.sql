-- The refused rows are the sum of the rows of all known reasons.
select
    source_year,
    load_number,
    sum(case when measure = 'rows_quarantined' then row_count else 0 end) as refused,
    sum(case when measure = 'quarantined' then row_count else 0 end) as of_known_reasons
from {{ ref('data_quality') }}
group by source_year, load_number
having
    sum(case when measure = 'rows_quarantined' then row_count else 0 end)
    != sum(case when measure = 'quarantined' then row_count else 0 end)
