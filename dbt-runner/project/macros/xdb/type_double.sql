{# An eight-byte floating-point number: dbt's own `type_float` has four bytes in DuckDB. #}
{% macro type_double() -%}
    {{ 'float64' if target.type == 'bigquery' else 'double' }}
{%- endmacro %}
