{# The wall-clock time that the City published: created_at plus the row's own offset, without time zone rules. #}
{% macro published_time() -%}
    {%- if target.type == 'bigquery' -%}
    datetime_add(datetime(created_at), interval utc_offset_hours hour)
    {%- else -%}
    (timezone('UTC', created_at) + utc_offset_hours * interval 1 hour)
    {%- endif -%}
{%- endmacro %}
