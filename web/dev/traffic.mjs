// Simulated requests: waves of traffic, an outage every few minutes, scanners, hostile strings.

const PATHS = [
  ["/", 60],
  ["/products", 50],
  ["/products/blue-summer", 22],
  ["/products/red-light", 20],
  ["/search", 45],
  ["/cart", 18],
  ["/checkout", 14],
  ["/api/v1/orders", 32],
  ["/api/v1/items/1042", 26],
  ["/api/v1/login", 12],
  ["/static/app.css", 55],
  ["/static/app.js", 55],
  ["/static/logo.svg", 40],
  ["/images/hero-large.jpg", 30],
  ["/blog/how-we-scaled", 16],
  ["/blog/caf%C3%A9-%E6%9D%B1%E4%BA%AC", 6],
  ["/docs", 10],
  ["/account", 9],
  ["/feed.xml", 7],
  ["/about", 6],
  ["/downloads/setup.exe", 4],
  ["/wp-login.php", 3],
  ["/.env", 2],
  ["/x/\u202egnp.exe", 1],
  ["/<script>alert(1)</script>", 1],
  ["/zero\u200bwidth\u0007bell", 1],
  ["/lone\ud800surrogate", 0.6],
  ["/a/very/long/path/that/never/seems/to/end/and/goes/on/with/more/and/more/parts/index.html", 3],
];
const AGENTS = [
  [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36",
    "Chrome",
    "Windows",
    null,
    "desktop",
    50,
  ],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari/604.1",
    "Safari",
    "iOS",
    null,
    "phone",
    28,
  ],
  [
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Firefox",
    "Linux",
    null,
    "desktop",
    14,
  ],
  [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    null,
    null,
    "Googlebot",
    "bot",
    6,
  ],
  ["curl/8.5.0", "curl", null, null, null, 5],
  ["sqlmap/1.8\u001b[2J<b>", null, null, "sqlmap", "bot", 1],
];
const SITES = [
  [null, 70],
  ["https://www.google.com/", 18],
  ["https://news.ycombinator.com/", 6],
  ["https://example.org/list", 5],
];
const VHOSTS = [
  ["www.example.com", 70],
  ["api.example.com", 22],
  ["blog.example.com", 8],
];

let seed = 7;
function random() {
  seed = (seed * 1664525 + 1013904223) % 4294967296;
  return seed / 4294967296;
}
function picker(rows) {
  const weights = rows.map((row) => row[row.length - 1]);
  const all = weights.reduce((sum, one) => sum + one, 0);
  return () => {
    let at = random() * all;
    for (let i = 0; i < rows.length; i += 1) if ((at -= weights[i]) <= 0) return rows[i];
    return rows[0];
  };
}
const pickPath = picker(PATHS);
const pickAgent = picker(AGENTS);
const pickSite = picker(SITES);
const pickVhost = picker(VHOSTS);
const HOSTS = Array.from(
  { length: 900 },
  (_, i) => `${[81, 93, 145, 203][i % 4]}.${(i * 7) % 250}.${(i * 13) % 250}.${i % 250}`,
);

/** An outage of a minute and a half, every seven minutes. */
export const isOutage = (second) => second % 420 > 300 && second % 420 < 390;

export function rateAt(second) {
  const wave = 30 + 9 * Math.sin(second / 90) + 5 * Math.sin(second / 23);
  const spike = second % 600 > 440 && second % 600 < 520 ? 26 : 0;
  return Math.max(3, wave + spike + 8 * (random() - 0.5));
}

/** The requests of a second. */
export function requestsOf(second, withTimes) {
  const count = Math.round(rateAt(second));
  const found = [];
  for (let i = 0; i < count; i += 1) found.push(oneRequest(second, i / count, withTimes));
  return found;
}

function oneRequest(second, part, withTimes) {
  const [path] = pickPath();
  const [agent, browser, os, bot, device] = pickAgent();
  const [vhost] = path.startsWith("/api") ? ["api.example.com"] : pickVhost();
  const isScanner = random() < 0.015;
  const host = isScanner ? "185.220.101.34" : HOSTS[Math.floor(random() ** 2.2 * HOSTS.length)];
  const isBroken = isOutage(second) && path.startsWith("/api") && random() < 0.8;
  const roll = random();
  let status =
    roll < 0.88
      ? 200
      : roll < 0.94
        ? 304
        : roll < 0.97
          ? 301
          : roll < 0.992
            ? 404
            : roll < 0.997
              ? 403
              : 500;
  if (path.includes("wp-login") || path.includes(".env") || isScanner) status = 404;
  if (isBroken) status = random() < 0.85 ? 502 : 504;
  const slow = isOutage(second) ? 4 : 1;
  const base =
    path.startsWith("/static") || path.startsWith("/images")
      ? 0.004
      : path.startsWith("/search")
        ? 0.16
        : 0.045;
  const duration = withTimes
    ? Number(
        (base * slow * Math.exp(1.1 * (random() + random() + random() - 1.5) * 1.6)).toFixed(4),
      )
    : null;
  return {
    time: second + Number(part.toFixed(3)),
    host,
    user: random() < 0.04 ? ["ann", "ben", "carla"][Math.floor(random() * 3)] : null,
    method:
      path.includes("login") || path.includes("orders") ? (random() < 0.6 ? "POST" : "GET") : "GET",
    path,
    query:
      path === "/search"
        ? `q=${["blue", "red+light", "%22or+1=1--", "summer"][Math.floor(random() * 4)]}`
        : null,
    protocol: random() < 0.7 ? "HTTP/2.0" : "HTTP/1.1",
    status,
    bytes:
      status === 304
        ? 0
        : Math.round(400 + random() ** 4 * (path.includes("hero") ? 420000 : 38000)),
    duration,
    referrer: pickSite()[0],
    agent,
    vhost,
    request: null,
    source: "/var/log/nginx/access.log",
    section: `/${path.split("/")[1] ?? ""}`,
    route: path.replace(/\d+/g, "*"),
    class: `${Math.floor(status / 100)}xx`,
    network: host.split(".").slice(0, 2).join("."),
    browser,
    os,
    device,
    bot,
    referring_site: null,
    upstream_cache_status: ["HIT", "MISS", null][Math.floor(random() * 3)],
  };
}
