// Servers: the traffic of each, and how its agent is.

import { useMemo } from "preact/hooks";

import { TableCard, type TableSpec } from "../components/table_card.tsx";
import type { PageData } from "../page_data.ts";
import { serverRows } from "../servers.ts";
import { hello, snapshot } from "../store.ts";

const COLUMNS = ["state", "rate", "5xx", "4xx", "p95", "lag", "clock", "version", "files", "machine"];

export function Servers({ data }: { data: PageData }) {
  const known = snapshot.value;
  const { filters } = data.scope;
  const spec = useMemo((): TableSpec => {
    const version = hello.value?.version ?? "";
    const now = known?.time ?? 0;
    return {
      key: "servers/server",
      title: "Servers",
      by: ["server"],
      measures: ["hits", "rate", "5xx", "4xx", "p95"],
      columns: COLUMNS,
      order: "state",
      made: (rows) => serverRows(rows, known?.health.agents ?? [], filters, now, version),
    };
  }, [known, filters]);
  return (
    <div class="grid">
      <TableCard
        spec={spec}
        scope={data.scope}
        hasTimes={data.hasTimes}
        empty="No servers yet. A server is listed here when glancemetrics agent runs on it or when its lines arrive over syslog."
      />
    </div>
  );
}
