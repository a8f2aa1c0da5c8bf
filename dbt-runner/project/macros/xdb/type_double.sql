{# A number of eight bytes: dbt's own `type_float` is one of four in DuckDB. #}
{% macro type_double() -%}
    {{ 'float64' if target.type == 'bigquery' else 'double' }}
{%- endmacro %}
