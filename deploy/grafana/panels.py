"""The kinds of panels that the dashboard is made of, and the queries that more than one of them asks."""

from grafana_foundation_sdk.builders import barchart, bargauge, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DAY = 86400
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
TENANT = '{tenant=~"$tenant"}'
IDS = "tenant, object_kind, object_id, key_id"
NAMES = "app_id, app_name, kind, credential_name"

GREEN, ORANGE, RED = "green", "orange", "red"


def held(series):
    """The series of the replica that works on the tenant; others may be behind."""
    return f"({series} and on (job, instance, tenant) entrawatch_lease_held == 1)"


END = f"max by ({IDS}, {NAMES}) {held('entra_credential_not_after_timestamp_seconds' + TENANT)}"
NEAR = f"({END} < time() + 90 * {DAY} > time() - 30 * {DAY})"
ROTATED = f"max by ({IDS}) {held('entra_credential_rotated' + TENANT)}"
LAST_ONE = f"max by ({IDS}) {held('entra_credential_last_one' + TENANT)}"


def query(expr, legend="", ref="A"):
    return prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(ref).datasource(SOURCE)


def thresholds(*steps):
    """Pairs of colour and the value it begins at; the first begins nowhere."""
    values = [Threshold(color=color, value=value) for color, value in steps]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(values)


def panel(kind, title, description, unit, nothing, width, height):
    return kind.title(title).description(description).unit(unit).no_value(nothing).datasource(SOURCE).span(width).height(height)


def number(title, description, expr, unit="short", nothing="none", steps=((GREEN, None),), width=4):
    return (
        panel(stat.Panel(), title, description, unit, nothing, width, 4)
        .with_target(query(expr).instant())
        .thresholds(thresholds(*steps))
        .color_mode(common.BigValueColorMode.BACKGROUND if len(steps) > 1 else common.BigValueColorMode.NONE)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(common.BigValueGraphMode.NONE)
    )


def lines(title, description, queries, unit="short", nothing="nothing yet", width=8):
    built = panel(timeseries.Panel(), title, description, unit, nothing, width, 8).min(0).fill_opacity(12)
    built.legend(
        VizLegendOptions().display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM).show_legend(True)
    )
    for index, (expr, legend) in enumerate(queries):
        built.with_target(query(expr, legend, chr(ord("A") + index)).range())
    return built


def bars(title, description, expr, legend, unit="short", nothing="none", width=8):
    return (
        panel(bargauge.Panel(), title, description, unit, nothing, width, 8)
        .with_target(query(expr, legend).instant())
        .orientation(common.VizOrientation.HORIZONTAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.FIXED).fixed_color("blue"))
        .thresholds(thresholds((GREEN, None)))
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )


def link(title, url):
    return {"title": title, "url": url, "targetBlank": True}


def ending_table():
    """What ends next, one line a credential."""
    named = f"on ({IDS}) group_left ({NAMES}) ({NEAR} ^ 0)"
    ours = link(
        "Steps, owners and history in EntraWatch", "${entrawatch}/apps/${__data.fields.Tenant}/${__data.fields.object_id}"
    )
    portal = link(
        "App registration in the portal",
        "${portal}/#view/Microsoft_AAD_RegisteredApps/ApplicationMenuBlade/~/Credentials/appId/${__data.fields.app_id}",
    )
    yes_no = [{"type": "value", "options": {"0": {"text": "no", "index": 0}, "1": {"text": "yes", "index": 1}}}]
    built = panel(
        table.Panel(),
        "What ends next",
        "Credentials that end within 90 days or ended within the last 30, the nearest first. Replaced: a newer one exists, so the end "
        "is expected. Last one: when it ends nobody can sign in as this application. A name links to EntraWatch's page and to the portal.",
        "short",
        "Nothing ends within 90 days, or metrics.credentials leaves these series out",
        24,
        12,
    )
    built.with_target(query(f"sort({NEAR} - time())", ref="A").instant().format(PromQueryFormat.TABLE))
    built.with_target(query(f"{NEAR} * 1000", ref="B").instant().format(PromQueryFormat.TABLE))
    built.with_target(query(f"{ROTATED} * {named}", ref="C").instant().format(PromQueryFormat.TABLE))
    built.with_target(query(f"{LAST_ONE} * {named}", ref="D").instant().format(PromQueryFormat.TABLE))
    order = [
        "app_name",
        "credential_name",
        "kind",
        "Value #A",
        "Value #B",
        "Value #C",
        "Value #D",
        "tenant",
        "app_id",
        "object_id",
        "key_id",
    ]
    names = [
        "Application",
        "Credential",
        "Kind",
        "Left",
        "Ends",
        "Replaced",
        "Last one",
        "Tenant",
        "app_id",
        "object_id",
        "key_id",
    ]
    organize = {
        "excludeByName": {"Time": True, "object_kind": True},
        "indexByName": {name: index for index, name in enumerate(order)},
        "renameByName": dict(zip(order, names, strict=True)),
    }
    built.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    built.with_transformation(DataTransformerConfig(id_val="organize", options=organize))
    built.with_transformation(DataTransformerConfig(id_val="sortBy", options={"fields": {}, "sort": [{"field": "Left"}]}))

    def override(name, **properties):
        values = [DynamicConfigValue(id_val=key.replace("__", "."), value=value) for key, value in properties.items()]
        built.override_by_name(name, values)

    left = {
        "mode": "absolute",
        "steps": [{"color": RED, "value": None}, {"color": ORANGE, "value": 7 * DAY}, {"color": GREEN, "value": 30 * DAY}],
    }
    override("Application", links=[ours, portal], custom__minWidth=180)
    override("Left", unit="s", decimals=1, thresholds=left, custom__cellOptions={"type": "color-text"})
    override("Ends", unit="dateTimeAsIso")
    override("Replaced", mappings=yes_no)
    override("Last one", mappings=yes_no)
    for hidden in ["app_id", "object_id", "key_id"]:
        override(hidden, custom__hidden=True)
    return built


def weeks():
    """Endings in each of the next 26 weeks, counted from now."""

    unrotated = f"(({END}) unless on ({IDS}) ({ROTATED} == 1))"
    expr = f'count_values("week", floor(({unrotated} - time()) / {7 * DAY}) >= 0 < 26)'

    built = panel(
        barchart.Panel(),
        "Endings per week, the next 26 weeks",
        "How many credentials that nothing replaces end in each week from now: week 0 is the next seven days. Peaks are work to plan for.",
        "short",
        "Nothing ends within 26 weeks, or metrics.credentials leaves these series out",
        16,
        8,
    )
    built.with_target(query(expr).instant().format(PromQueryFormat.TABLE))
    fields = {"conversions": [{"targetField": "week", "destinationType": "number"}], "fields": {}}
    built.with_transformation(DataTransformerConfig(id_val="convertFieldType", options=fields))
    built.with_transformation(DataTransformerConfig(id_val="sortBy", options={"fields": {}, "sort": [{"field": "week"}]}))
    built.with_transformation(
        DataTransformerConfig(
            id_val="organize",
            options={"excludeByName": {"Time": True}, "renameByName": {"Value": "endings", "week": "weeks from now"}},
        )
    )
    back = {"conversions": [{"targetField": "weeks from now", "destinationType": "string"}], "fields": {}}
    built.with_transformation(DataTransformerConfig(id_val="convertFieldType", options=back))
    built.x_field("weeks from now").legend(VizLegendOptions().show_legend(False).display_mode(common.LegendDisplayMode.HIDDEN))
    return built
