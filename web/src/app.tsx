// The page: around every view the same shell; the views share their figures.

import { useEffect, useLayoutEffect, useState } from "preact/hooks";

import { Banners, Navigation, Title, Toast } from "./components/shell.tsx";
import { Overlays } from "./components/dialogs.tsx";
import { Figures } from "./components/figures.tsx";
import { Icon } from "./components/icons.tsx";
import { FilterBox } from "./components/filter_box.tsx";
import { RequestDetail } from "./components/request_detail.tsx";
import { TimeControls } from "./components/time_controls.tsx";
import { ValueMenu } from "./components/value_menu.tsx";
import { NothingBefore, NothingHere } from "./components/way_out.tsx";
import { useMedia, useTick } from "./hooks.ts";
import { go, isStale, link, told } from "./store.ts";
import { usePageData, type PageData } from "./page_data.ts";
import { Alerts } from "./views/alerts.tsx";
import { Health } from "./views/health.tsx";
import { Latency } from "./views/latency.tsx";
import { Overview } from "./views/overview.tsx";
import { Requests } from "./views/requests.tsx";
import { Servers } from "./views/servers.tsx";
import { Clients, Errors, Urls } from "./views/tables.tsx";

/** Of the main chart, of a chart above tables, and of one beside the main chart; in pixels. */
export interface Heights {
  main: number;
  side: number;
  small: number;
}

const TOLD_MS = 3500;

export function App() {
  const { view, kiosk } = link.value;
  const data = usePageData();
  const heights = useHeights();
  useLayoutEffect(() => {
    document.documentElement.classList.toggle("kiosk", kiosk);
  }, [kiosk]);
  const message = told.value;
  useEffect(() => {
    if (!message) return;
    const timer = setTimeout(() => (told.value = null), TOLD_MS);
    return () => clearTimeout(timer);
  }, [message]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the figures
      </a>
      {!kiosk && <Navigation />}
      <div class="body">
        <header class="top">
          <Title total={data.total.isOld ? null : data.total.answer} />
          {!kiosk && (
            <>
              <FilterBox />
              <TimeControls />
            </>
          )}
        </header>
        <Banners>
          <NothingHere data={data} />
          <NothingBefore data={data} />
        </Banners>
        <main id="main" tabIndex={-1} class={isStale.value ? "stale" : ""}>
          <LostZoom />
          {!link.value.zoom && view !== "health" && view !== "alerts" && <Figures data={data} />}
          <View data={data} heights={heights} />
        </main>
      </div>
      <RequestDetail />
      <ValueMenu />
      <Overlays />
      <Toast />
    </>
  );
}

/** A link may name a card that this view does not have, or this log: nothing would be shown. */
function LostZoom() {
  const { zoom } = link.value;
  const [isLost, setLost] = useState(false);
  useTick(zoom !== null);
  useEffect(() => setLost(zoom !== null && !document.querySelector("main .zoomed")));
  return isLost ? (
    <p class="banner trouble" role="status">
      <Icon name="info" /> <span>This view has no such card.</span>
      <button type="button" class="way-out" onClick={() => go({ zoom: null })}>
        Show all cards
      </button>
    </p>
  ) : null;
}

function View({ data, heights }: { data: PageData; heights: Heights }) {
  switch (link.value.view) {
    case "overview":
      return <Overview data={data} heights={heights} />;
    case "urls":
      return <Urls data={data} heights={heights} />;
    case "errors":
      return <Errors data={data} heights={heights} />;
    case "clients":
      return <Clients data={data} heights={heights} />;
    case "latency":
      return <Latency data={data} heights={heights} />;
    case "alerts":
      return <Alerts data={data} />;
    case "requests":
      return <Requests data={data} />;
    case "health":
      return <Health data={data} />;
    case "servers":
      return <Servers data={data} />;
  }
}

/** Heights of charts: a phone has little room, a wall screen much; a zoomed chart takes it all. */
function useHeights(): Heights {
  const isNarrow = useMedia("(max-width: 700px)");
  const isHuge = useMedia("(min-width: 2800px)");
  const isLarge = useMedia("(min-width: 1900px)");
  const { kiosk, zoom } = link.value;
  if (zoom) {
    const high = Math.max(260, innerHeight - 190);
    return { main: high, side: high, small: high };
  }
  if (kiosk) {
    // A wall screen is not scrolled: all of it has to fit, whatever its height.
    const part = (share: number) => Math.round(share * innerHeight);
    return { main: part(0.325), side: part(0.2), small: part(0.115) };
  }
  if (isNarrow) return { main: 190, side: 170, small: 150 };
  if (isHuge) return { main: 460, side: 300, small: 190 };
  return isLarge ? { main: 380, side: 230, small: 160 } : { main: 336, side: 200, small: 128 };
}
