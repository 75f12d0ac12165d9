#!/usr/bin/env python3
"""Writes dashboard.json, with Grafana's own generator.

python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python generate.py
"""

import sys
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, VariableRefresh, VariableSort

from panels import GREEN, ORANGE, RED, SOURCE, TENANT, bars, ending_table, held, lines, number, weeks


def variables(built):
    built.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    built.with_variable(
        dashboard.QueryVariable("tenant")
        .label("Tenant")
        .description("A tenant that EntraWatch watches, by its configured name")
        .datasource(SOURCE)
        .query({"query": "label_values(entrawatch_lease_held, tenant)", "refId": "tenants"})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )
    built.with_variable(
        dashboard.TextBoxVariable("entrawatch")
        .label("EntraWatch")
        .description("Where EntraWatch's pages are")
        .default_value("http://localhost:9690")
    )
    built.with_variable(
        dashboard.TextBoxVariable("portal")
        .label("Portal")
        .description("The portal of your cloud")
        .default_value("https://entra.microsoft.com")
    )


def build():
    built = (
        dashboard.Dashboard("Entra application credentials")
        .uid("entrawatch")
        .description(
            "Client secrets and certificates of Microsoft Entra applications, as EntraWatch sees them, and how EntraWatch itself is doing."
        )
        .tags(["entrawatch"])
        .timezone("browser")
        .time("now-7d", "now")
        .refresh("5m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .editable()
    )
    variables(built)
    ending = "sum({})".format(held('entra_credentials_ending{{tenant=~"$tenant", within="{}"}}'))
    state = "sum({})".format(held('entra_credentials{{tenant=~"$tenant", state="{}"}}'))

    aging = 'entra_credentials{tenant=~"$tenant", state=~"expired|expiring"}'

    built.with_row(dashboard.Row("What ends next"))
    built.with_panel(
        number(
            "Ending within 7 days",
            "Credentials that end within 7 days and that nothing replaces.",
            ending.format("7d"),
            steps=((GREEN, None), (RED, 1)),
        )
    )
    built.with_panel(
        number(
            "Ending within 30 days",
            "Credentials that end within 30 days and that nothing replaces; those within 7 days are among them.",
            ending.format("30d"),
            steps=((GREEN, None), (ORANGE, 1)),
        )
    )
    built.with_panel(
        number("Ending within 90 days", "Credentials that end within 90 days and that nothing replaces.", ending.format("90d"))
    )
    built.with_panel(
        number("Expired", "Credentials that have ended and are still there, replaced ones too.", state.format("expired"))
    )
    built.with_panel(
        number("Watched in all", "Credentials that are watched, in any state.", f"sum({held('entra_credentials' + TENANT)})")
    )
    built.with_panel(
        number(
            "Longest unseen",
            "The longest time since a tenant was last seen completely. A new credential there may be unknown.",
            f"max(time() - max by (tenant) (entrawatch_poll_last_success_timestamp_seconds{TENANT}))",
            "s",
            "never seen completely",
            ((GREEN, None), (ORANGE, 3600), (RED, 7200)),
        )
    )
    built.with_panel(ending_table())
    built.with_panel(weeks())
    built.with_panel(
        bars(
            "Credentials by kind and state",
            "Watched credentials now.",
            f"sort_desc(sum by (kind, state) {held('entra_credentials' + TENANT)} > 0)",
            "{{kind}}, {{state}}",
            nothing="no credentials",
        )
    )
    built.with_panel(
        lines(
            "Expired and expiring over time",
            "Expired ones that are still there, and those inside the widest threshold. A rising line of expired ones is neglect.",
            [(f"sum by (state) {held(aging)}", "{{state}}")],
            width=12,
        )
    )
    built.with_panel(
        lines(
            "Decisions",
            "Credentials whose window is open, by what is decided about them: due now, told already, silenced, nobody to tell, and so on.",
            [('max by (reason) (entrawatch_decisions{notice!="none"}) > 0', "{{reason}}")],
            nothing="no window is open",
            width=12,
        )
    )

    built.with_row(dashboard.Row("The watcher's own health"))
    built.with_panel(
        lines(
            "Time since each tenant was seen completely",
            "Saw-teeth as high as poll.interval are normal; a line that only rises is a tenant that cannot be read.",
            [(f"time() - max by (tenant) (entrawatch_poll_last_success_timestamp_seconds{TENANT})", "{{tenant}}")],
            "s",
            "no tenant was seen completely yet",
        )
    )
    built.with_panel(
        lines(
            "Polls by outcome",
            "Polls in the hour before: complete saw everything, partial something, failed nothing.",
            [(f"sum by (outcome) (increase(entrawatch_polls_total{TENANT}[1h]))", "{{outcome}}")],
            nothing="no poll yet",
        )
    )
    built.with_panel(
        lines(
            "Length of polls",
            "How long nine in ten polls take at most, waits for throttling included.",
            [
                (
                    f"histogram_quantile(0.9, sum by (le, mode) (rate(entrawatch_poll_duration_seconds_bucket{TENANT}[6h])))",
                    "{{mode}}",
                )
            ],
            "s",
            "no poll yet",
        )
    )
    built.with_panel(
        lines(
            "Requests to Microsoft Graph",
            "By class of the answer; 429 is a request to slow down, error is no answer at all.",
            [(f"sum by (code) (rate(entrawatch_graph_requests_total{TENANT}[1h]))", "{{code}}")],
            "reqps",
            "no request in the last hour",
        )
    )
    built.with_panel(
        lines(
            "Slowness of Microsoft Graph",
            "How long nine in ten answers take at most, and the share of time spent waiting because Graph asked for it.",
            [
                (
                    f"histogram_quantile(0.9, sum by (le) (rate(entrawatch_graph_request_duration_seconds_bucket{TENANT}[1h])))",
                    "answer",
                ),
                (f"sum(rate(entrawatch_graph_throttled_seconds_total{TENANT}[1h]))", "waiting per second"),
            ],
            "s",
            "no request yet",
        )
    )
    built.with_panel(
        lines(
            "Drift",
            "Changes that a full listing found and delta queries had missed, in the day before. Anything above 0 switched delta queries off.",
            [(f"sum by (tenant) (increase(entrawatch_poll_drift_total{TENANT}[1d]))", "{{tenant}}")],
            nothing="no full listing yet",
        )
    )
    built.with_panel(
        lines(
            "Mails by what became of them",
            "In the hour before: sent, retried (once for each failed attempt), dead (given up), withdrawn (decided afresh before they left).",
            [("sum by (outcome) (increase(entrawatch_mails_total[1h]))", "{{outcome}}")],
            nothing="no mail yet",
        )
    )
    built.with_panel(
        lines(
            "Mails that wait",
            "How many wait, over all replicas as they share one outbox.",
            [("max(entrawatch_outbox_pending)", "waiting")],
            nothing="no EntraWatch is being scraped",
        )
    )
    built.with_panel(
        lines(
            "How long the oldest mail waits",
            "From the first decision to tell somebody. Longer than an hour: the mail server does not take it.",
            [("time() - min(entrawatch_outbox_oldest_timestamp_seconds)", "oldest")],
            "s",
            "no mail waits",
        )
    )
    built.with_panel(
        lines(
            "Delay of mails",
            "From the first decision to tell somebody until the mail server took the mail, for nine in ten mails of the week before.",
            [("histogram_quantile(0.9, sum by (le) (increase(entrawatch_mail_delay_seconds_bucket[7d])))", "nine in ten")],
            "s",
            "no mail yet",
        )
    )
    built.with_panel(
        lines(
            "Notices by severity",
            "Notices that went into mails in the day before, one for each recipient.",
            [("sum by (severity) (increase(entrawatch_notices_total[1d]))", "{{severity}}")],
            nothing="no notice yet",
        )
    )
    built.with_panel(
        bars(
            "Own credential ends in",
            "Until the credential ends that EntraWatch itself signs in with. When it ends the watcher is blind.",
            f"min by (tenant) {held('entrawatch_own_credential_not_after_timestamp_seconds' + TENANT)} - time()",
            "{{tenant}}",
            "s",
            "EntraWatch signs in without a credential, or its own application is in none of these tenants",
        )
    )
    built.with_panel(
        lines(
            "Memory",
            "Memory of each process.",
            [("process_resident_memory_bytes and on (job, instance) entrawatch_build_info", "{{instance}} memory")],
            "bytes",
            "no EntraWatch is being scraped",
            width=12,
        )
    )
    built.with_panel(
        bars(
            "Objects by kind",
            "App registrations and service principals seen, excluded ones too, and those that are left out by reason.",
            f"sum by (object_kind) {held('entra_objects' + TENANT)} or sum by (object_kind, reason) {held('entra_objects_excluded' + TENANT)} > 0",
            "{{object_kind}} {{reason}}",
            nothing="nothing seen yet",
            width=12,
        )
    )
    return built.build()


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("dashboard.json")
    target.write_text(JSONEncoder(sort_keys=True, indent=2).encode(build()) + "\n", encoding="utf-8")
