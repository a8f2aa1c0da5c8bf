{#
    Overrides dbt's `ref`. A partial build rebuilds only the changed years of the models with `meta.by_year`. Such a model
    and every test see these years of what they refer to. Any other model compares or adds up years: it sees the published
    rows of the other years too. The variable `published_years` has their query by model, or nothing if the model is a
    view that is not published.
#}
{% macro ref() -%}
    {%- set relation = builtins.ref(*varargs, **kwargs) -%}
    {%- set published = var('published_years') -%}
    {%- set name = varargs | last -%}
    {%- if model.resource_type != 'model' or model.config.meta.by_year or name not in published -%}
        {{ return(relation) }}
    {%- elif not published[name] -%}
        {{ exceptions.raise_compiler_error(
            name ~ ' has only the changed years, and ' ~ model.name
            ~ ' reads all: refer to a mart, or set meta.by_year if it can be rebuilt year by year'
        ) }}
    {%- endif -%}
    {{ return('(select * from ' ~ relation ~ ' union all ' ~ published[name] ~ ')') }}
{%- endmacro %}
