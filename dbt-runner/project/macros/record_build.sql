{#
    Records the inputs of the marts in `dbt_build` if the whole build succeeded. A failed build leaves no record, so
    that the next one does not consider its marts complete.
#}
{% macro record_build(results) -%}
    {%- set failed = results | selectattr('status', 'in', ['error', 'fail', 'skipped', 'runtime error']) | list -%}
    {%- set built = results | selectattr('node.resource_type', 'equalto', 'model') | list -%}
    {%- if not execute or not built -%}
        select 1
    {%- elif failed -%}
        drop table if exists {{ target.schema }}.dbt_build
    {%- else -%}
        create or replace table {{ target.schema }}.dbt_build as
        select
            cast('{{ var("build_fingerprint") }}' as {{ dbt.type_string() }}) as fingerprint,
            cast('{{ var("project_fingerprint") }}' as {{ dbt.type_string() }}) as project
    {%- endif -%}
{%- endmacro %}
