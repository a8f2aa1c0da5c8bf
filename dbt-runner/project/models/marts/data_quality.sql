with loads as (
    select
        source_year,
        load_number,
        is_current,
        run_id,
        loaded_at,
        raw_lines,
        rows_read,
        rows_kept,
        rows_repaired,
        rows_quarantined,
        quarantined_by_reason,
        drift,
        is_generated
    from {{ ref('stg_load_history') }}
    where source_year is not null
),

measured as (
    {% for measure in ['raw_lines', 'rows_read', 'rows_kept', 'rows_repaired', 'rows_quarantined'] -%}
        select
            source_year,
            load_number,
            '{{ measure }}' as measure,
            cast(null as {{ dbt.type_string() }}) as subject,
            {{ measure }} as row_count
        from loads
        union all
    {% endfor -%}
    {% for reason in var('quarantine_reasons') -%}
        select
            source_year,
            load_number,
            'quarantined' as measure,
            '{{ reason }}' as subject,
            cast({{ json_text('quarantined_by_reason', '$.' ~ reason) }} as {{ dbt.type_bigint() }}) as row_count
        from loads
        where {{ json_text('quarantined_by_reason', '$.' ~ reason) }} is not null
        union all
    {% endfor -%}
    select
        loads.source_year,
        loads.load_number,
        {{ dbt.concat(["'drift_'", json_text('found', '$.kind')]) }} as measure,
        {{ json_text('found', '$.subject') }} as subject,
        cast({{ json_text('found', '$.rows') }} as {{ dbt.type_bigint() }}) as row_count
    from loads
    {{ cross_join_json_array('loads.drift', 'found') }}
    union all
    select
        source_year,
        load_number,
        'rows_generated' as measure,
        cast(null as {{ dbt.type_string() }}) as subject,
        rows_kept as row_count
    from loads
    where is_generated
    union all
    {% for measure in ['rows_added', 'rows_gone', 'rows_restatused', 'rows_relabelled'] -%}
        select
            source_year,
            load_number,
            '{{ measure }}' as measure,
            case when content_changed then 'publication' else 'rules' end as subject,
            {{ measure }} as row_count
        from {{ ref('stg_publication_changes') }}
        where old_fingerprint is not null
        union all
    {% endfor -%}
    select
        loads.source_year,
        loads.load_number,
        'unlisted_type' as measure,
        requested.service_request_type as subject,
        requested.requests as row_count
    from loads
    inner join {{ ref('types_by_year') }} as requested on loads.source_year = requested.source_year
    where
        loads.is_current
        and not requested.is_listed
)

select
    measured.source_year,
    measured.load_number,
    loads.is_current,
    loads.run_id,
    loads.loaded_at,
    measured.measure,
    measured.subject,
    measured.row_count,
    case
        when loads.rows_read > 0 and measured.measure != 'raw_lines'
            then measured.row_count / cast(loads.rows_read as {{ type_double() }})
    end as share_of_read
from measured
inner join loads
    on
        measured.source_year = loads.source_year
        and measured.load_number = loads.load_number
