// Servers: the traffic of each, and how its agent is.

import { useMemo } from "preact/hooks";

import type { TableSpec } from "../components/table_card.tsx";
import type { PageData } from "../page_data.ts";
import { serverRows } from "../servers.ts";
import { hello, snapshot } from "../store.ts";
import { Tables } from "./tables.tsx";

const COLUMNS = ["state", "rate", "5xx", "4xx", "p95", "lag", "clock", "version", "files"];

export function Servers({ data }: { data: PageData }) {
  const known = snapshot.value;
  const { filters } = data.scope;
  const specs = useMemo((): TableSpec[] => {
    const version = hello.value?.version ?? "";
    const now = known?.time ?? 0;
    return [
      {
        key: "servers/server",
        title: "Servers",
        by: ["server"],
        measures: ["hits", "rate", "5xx", "4xx", "p95"],
        columns: [...COLUMNS, "machine"],
        order: "state",
        made: (rows) => serverRows(rows, known?.health.agents ?? [], filters, now, version),
      },
    ];
  }, [known, filters]);
  return (
    <Tables
      specs={specs}
      data={data}
      rows={20}
      isWide
      empty="All logs are of this machine. Servers with glancemetrics agent, or with logs over syslog, are listed here."
    />
  );
}
