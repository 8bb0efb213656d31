// The tables that views show, named as the server names them.

import type { TableSpec } from "../components/table_card.tsx";
import { hello } from "../store.ts";

const TITLES: Record<string, string> = {
  section: "Sections",
  path: "Paths",
  route: "Routes",
  host: "Hosts",
  network: "Networks",
  user: "Users",
  vhost: "Virtual hosts",
  status: "Status",
  class: "Status classes",
  method: "Methods",
  protocol: "Protocols",
  referrer: "Referrers",
  referring_site: "Referring sites",
  agent: "Agents",
  browser: "Browsers",
  os: "Operating systems",
  device: "Devices",
  bot: "Bots",
  source: "Sources",
};

export function titleOfField(field: string): string {
  return hello.value?.dimensions.find((one) => one.name === field)?.title ?? TITLES[field] ?? field;
}

export function specsOf(
  view: string,
  fields: string[],
  measures: string[],
  order?: string,
): TableSpec[] {
  return fields.map((field) => ({
    key: `${view}/${field}`,
    title: titleOfField(field),
    by: [field],
    measures,
    ...(order === undefined ? {} : { order }),
  }));
}
