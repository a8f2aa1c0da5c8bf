{# The wall-clock time that the City published: what created_at says, moved by the row's own offset. No time zone rules. #}
{% macro published_time() -%}
    {%- if target.type == 'bigquery' -%}
    datetime_add(datetime(created_at), interval utc_offset_hours hour)
    {%- else -%}
    (timezone('UTC', created_at) + utc_offset_hours * interval 1 hour)
    {%- endif -%}
{%- endmacro %}
