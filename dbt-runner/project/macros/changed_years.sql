{#
    The condition that selects the years that a build rebuilds: all of them, or the changed ones. `created_at`, if given,
    is the expression of the instant by which the table is partitioned, so that BigQuery reads only these years. Local New
    Year is some hours after UTC's.
#}
{% macro in_changed_years(source_year, created_at=none) -%}
    {%- set years = var('changed_years') -%}
    {%- if years is none -%}
        true
    {%- elif not years -%}
        false
    {%- else -%}
        {{ source_year }} in ({{ years | join(', ') }})
        {%- if created_at %}
        and (
            {%- for year in years %}
            {{ 'or' if not loop.first }} (
                {{ created_at }} >= cast('{{ year }}-01-01 00:00:00+00' as {{ type_instant() }})
                and {{ created_at }} < cast('{{ year + 1 }}-01-02 00:00:00+00' as {{ type_instant() }})
            )
            {%- endfor %}
        )
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
