{#
    The time that a version of a file describes: when the publisher changed it, or when a run observed it if that is not
    known or was earlier.
#}
{% macro as_of(published_at, observed_at) -%}
    case
        when {{ published_at }} < {{ observed_at }} then {{ published_at }}
        else coalesce({{ observed_at }}, {{ published_at }})
    end
{%- endmacro %}
