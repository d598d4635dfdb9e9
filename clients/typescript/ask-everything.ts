// Asks every question of the dashboard once, with the types that are generated from the API's description.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Problem = components["schemas"]["Problem"];
type Answer<Data> = { data?: Data; error?: Problem | undefined; response: Response };

const server = process.env.WATCHTRACKER_URL ?? "http://localhost:8000";
const token = process.env.WATCHTRACKER_TOKEN ?? "";
const headers = { Authorization: `Bearer ${token}` };
const api = createClient<paths>({ baseUrl: server, headers });

/** The data of an answer; an error is a sentence of the server's. */
function told<Data>({ data, error, response }: Answer<Data>): Data {
  if (data === undefined) throw new Error(error?.detail ?? `${response.status} ${response.statusText}`);
  return data;
}

const hours = (seconds: number): string => `${(seconds / 3600).toFixed(1)} h`;
const percent = (share: number | null): string => (share === null ? "-" : `${Math.round(share * 100)} %`);

/** How many rows are behind a figure: its link is a path of the same server. */
async function rowsBehind(drilldown: string): Promise<number> {
  let rows = 0;
  for (let link: string | null = `${drilldown}&limit=100`; link !== null; ) {
    const response = await fetch(new URL(link, server), { headers });
    if (!response.ok) throw new Error(((await response.json()) as Problem).detail);
    const page = (await response.json()) as components["schemas"]["RecordPage"];
    rows += page.results.length;
    link = page.next;
  }
  return rows;
}

const period = "all";
const status = told(await api.GET("/api/v1/dashboard/status/"));
console.log(`${status.records} records since ${status.first_watched ?? "never"}`);

const summary = told(await api.GET("/api/v1/dashboard/summary/", { params: { query: { period, top: 3 } } }));
console.log(`${summary.kpis.plays} plays, ${hours(summary.kpis.seconds)}, before ${summary.previous.plays}`);

const records = told(await api.GET("/api/v1/dashboard/records/", { params: { query: { is_ad: "false", limit: 1 } } }));
for (const { id } of records.results) {
  const record = told(await api.GET("/api/v1/dashboard/records/{id}/", { params: { path: { id } } }));
  console.log(`last: ${record.video?.title ?? "untitled"}, ${record.watched_at ?? "undated"}`);
}

const channels = told(await api.GET("/api/v1/dashboard/channels/", { params: { query: { period, limit: 1 } } }));
for (const { rank, id, title, share, plays, drilldown } of channels.results) {
  const channel = told(await api.GET("/api/v1/dashboard/channels/{id}/", { params: { path: { id } } }));
  console.log(`${rank}. ${title}: ${percent(share)}, since ${channel.first_watched ?? "never"}`);
  console.log(`rows behind its ${plays} plays: ${await rowsBehind(drilldown)}`);
}

const videos = told(await api.GET("/api/v1/dashboard/videos/", { params: { query: { period, min_plays: 2 } } }));
console.log(`${videos.rewatches} rewatches; ${videos.results[0]?.title ?? "nothing was watched twice"}`);

const heatmap = told(await api.GET("/api/v1/dashboard/heatmap/", { params: { query: { period } } }));
const busiest = heatmap.cells.reduce((most, cell) => (cell.plays > most.plays ? cell : most));
console.log(`busiest hour: weekday ${busiest.weekday}, ${busiest.hour}:00`);

const calendar = told(await api.GET("/api/v1/dashboard/calendar/", { params: { query: { period } } }));
console.log(`${calendar.days.filter((day) => day.level === 4).length} of ${calendar.active_days} days are of level 4`);

const streaks = told(await api.GET("/api/v1/dashboard/streaks/"));
console.log(`streak: ${streaks.current?.days ?? 0} days, at most ${streaks.longest?.days ?? 0}`);

const found = told(await api.GET("/api/v1/dashboard/discoveries/", { params: { query: { period, granularity: "month" } } }));
console.log(`${found.channels} channels discovered, the latest ${found.latest_channels[0]?.title ?? "none"}`);

const sessions = told(await api.GET("/api/v1/dashboard/sessions/", { params: { query: { period, binge_minutes: 120 } } }));
console.log(`${sessions.count} sessions, ${sessions.binges} binges, median ${hours(sessions.median_length_seconds ?? 0)}`);

const compared = told(await api.GET("/api/v1/dashboard/compare/", { params: { query: { period: "ytd", against: "year_ago" } } }));
console.log(`against last year: ${percent(compared.change.plays)}`);

const year = new Date().getUTCFullYear();
const review = told(await api.GET("/api/v1/dashboard/years/{year}/", { params: { path: { year: `${year}` } } }));
console.log(`${review.year}: ${review.plays} plays, biggest day ${review.biggest_day?.day ?? "none"}`);

const file = told(
  await api.GET("/api/v1/dashboard/records/export/", { params: { query: { format: "jsonl" } }, parseAs: "text" }),
);
console.log(`exported ${file.split("\n").length - 1} records`);
