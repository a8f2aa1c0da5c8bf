{#
    Deletes from the model's table the years that were loaded again since it was built. They are then inserted together
    with new years. Does nothing if the table is rebuilt from scratch.
#}
{% macro delete_corrected_years() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where not exists (
            select 1
            from {{ ref('stg_load_history') }} as loads
            where
                loads.is_current
                and loads.source_year = {{ this.identifier }}.source_year
                and loads.fingerprint = {{ this.identifier }}.load_fingerprint
        )
    {%- endif -%}
{%- endmacro %}
