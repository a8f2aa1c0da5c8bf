{# Seconds from one instant to another, negative if it is the earlier one. #}
{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch('seconds_between', 'toronto_311')(earlier, later)) }}
{%- endmacro %}

{% macro default__seconds_between(earlier, later) -%}
    (epoch({{ later }}) - epoch({{ earlier }}))
{%- endmacro %}

{% macro bigquery__seconds_between(earlier, later) -%}
    timestamp_diff({{ later }}, {{ earlier }}, second)
{%- endmacro %}
