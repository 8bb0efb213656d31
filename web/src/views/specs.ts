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

const IS_STATUS = new Set(["status", "class"]);
const IS_SHARE = /^[1-5]xx$/;

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
    // Of a status all requests are errors, or none.
    measures: IS_STATUS.has(field) ? measures.filter((one) => !IS_SHARE.test(one)) : measures,
    ...(order === undefined ? {} : { order }),
  }));
}
