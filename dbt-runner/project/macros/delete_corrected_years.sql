{#
    Deletes from the model's table the years that were loaded anew since it was built, so that it is then filled with them
    and with the years it never had. Nothing where it is built whole.
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
