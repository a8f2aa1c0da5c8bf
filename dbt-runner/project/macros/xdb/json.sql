{# The text of a JSON value at a path; null if it does not exist. #}
{% macro json_text(json, path) -%}
    {{ return(adapter.dispatch('json_text', 'toronto_311')(json, path)) }}
{%- endmacro %}

{% macro default__json_text(json, path) -%}
    json_extract_string({{ json }}, '{{ path }}')
{%- endmacro %}

{% macro bigquery__json_text(json, path) -%}
    json_value({{ json }}, '{{ path }}')
{%- endmacro %}

{# Joins a row to each element of its JSON array, in a column `element`. #}
{% macro cross_join_json_array(json, element) -%}
    {{ return(adapter.dispatch('cross_join_json_array', 'toronto_311')(json, element)) }}
{%- endmacro %}

{% macro default__cross_join_json_array(json, element) -%}
    cross join unnest(json_extract({{ json }}, '$[*]')) as elements({{ element }})
{%- endmacro %}

{% macro bigquery__cross_join_json_array(json, element) -%}
    cross join unnest(json_query_array({{ json }})) as {{ element }}
{%- endmacro %}
