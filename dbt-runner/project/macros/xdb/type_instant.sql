{# A point in time. DuckDB's `timestamp` is a wall clock; BigQuery's is UTC. #}
{% macro type_instant() -%}
    {{ 'timestamp' if target.type == 'bigquery' else 'timestamptz' }}
{%- endmacro %}
