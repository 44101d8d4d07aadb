/** The style sheet: colours by the system's wish for dark or light, each with a contrast of 4.5 at least. */
export const style = `
:root { color-scheme: light dark; --back: #fff; --soft: #f3f5f8; --edge: #d5dbe3; --text: #1b2430; --dim: #566376;
  --ok: #1a7f42; --changed: #8a5a00; --failed: #c11f2b; --other: #7a3bb5; --skip: #5d6878; --accent: #1459c7;
  --okbar: #58b982; --changedbar: #e2a321; --failedbar: #dd3c47; --otherbar: #a371d8; --skipbar: #aab4c2;
  --addback: #e3f6e9; --cutback: #fdebec; }
@media (prefers-color-scheme: dark) { :root { --back: #12161c; --soft: #1b212a; --edge: #36404d; --text: #e4e9f0; --dim: #a2afc0;
  --ok: #6fd397; --changed: #f0bd55; --failed: #ff8a92; --other: #caa5f5; --skip: #a9b5c5; --accent: #8ab8ff;
  --okbar: #2f8f58; --changedbar: #bf8618; --failedbar: #d8434e; --otherbar: #8a5cc4; --skipbar: #55606f;
  --addback: #14301f; --cutback: #3a1a1e; } }
* { box-sizing: border-box; }
body { margin: 0; overflow-wrap: anywhere; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main, header, nav { max-width: 1100px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 24px; }
h1 { font-size: 24px; margin: 0 0 6px; }
h1 .badge { vertical-align: 4px; }
h2 { font-size: 18px; margin: 32px 0 10px; }
h3 { font-size: 15px; margin: 0 0 4px; }
a { color: var(--accent); }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { margin: 8px 0; padding: 8px 12px; background: var(--soft); border-radius: 6px; overflow-x: auto; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
li:target { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -999px; } .skip:focus { left: 12px; top: 8px; background: var(--back); padding: 6px; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 14px 0 0; padding: 8px 0; border-bottom: 1px solid var(--edge); }
.dim { color: var(--dim); }
dl { display: flex; flex-wrap: wrap; gap: 2px 26px; margin: 0; } dl div { display: flex; gap: 8px; }
dt { color: var(--dim); } dd { margin: 0; }
.tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: 16px 0 0; padding: 0; list-style: none; }
.tiles li { background: var(--soft); border-radius: 8px; padding: 8px 16px; min-width: 92px; color: var(--dim); }
.tiles b { display: block; font-size: 22px; line-height: 1.2; color: var(--text); }
.tiles .failed b, .tiles .unreachable b { color: var(--failed); } .tiles .changed b { color: var(--changed); } .tiles .ok b { color: var(--ok); }
.badge { display: inline-block; min-width: 66px; white-space: nowrap; padding: 0 7px; border: 1px solid currentColor; border-radius: 5px; font-size: 12px; line-height: 19px; text-align: center; color: var(--skip); }
.badge.ok { color: var(--ok); } .badge.changed { color: var(--changed); }
.badge.failed, .badge.unreachable, .badge.error, .badge.unfinished, .badge.interrupted { color: var(--failed); font-weight: 600; }
.badge.unknown, .badge.ignored, .badge.running { color: var(--other); }
.failure { border-left: 4px solid var(--failedbar); background: var(--soft); border-radius: 0 8px 8px 0; padding: 10px 16px; margin: 0 0 12px; }
.failure p { margin: 4px 0; } .failure pre { background: var(--back); }
.where { color: var(--dim); }
.scroll { overflow-x: auto; }
svg { max-width: none; font: 14px system-ui, sans-serif; }
svg text { fill: var(--text); } svg .middle { text-anchor: middle; } svg .name { font-weight: 600; } svg .roles { fill: var(--dim); font-size: 13px; }
svg .group, svg .card { fill: var(--soft); stroke: var(--edge); } svg .link { fill: none; stroke: var(--dim); stroke-opacity: .55; stroke-width: 1.5; }
svg .state { text-anchor: end; font-size: 12px; } svg .state.ok { fill: var(--ok); } svg .state.changed { fill: var(--changed); }
svg .state.failed, svg .state.unreachable, svg .state.unfinished { fill: var(--failed); }
svg .bar.ok { fill: var(--okbar); } svg .bar.changed { fill: var(--changedbar); } svg .bar.failed, svg .bar.unreachable, svg .bar.unfinished { fill: var(--failedbar); }
.timeline .row { display: grid; grid-template-columns: minmax(60px, 130px) 1fr; gap: 12px; align-items: center; margin: 3px 0; }
.timeline .host { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.track { position: relative; height: 22px; background: var(--soft); border-radius: 4px; overflow: hidden; }
.track a, .track span { position: absolute; top: 0; bottom: 0; min-width: 3px; }
.track .connecting { background: repeating-linear-gradient(45deg, var(--skipbar) 0 3px, transparent 3px 8px); opacity: .6; }
.track .ok { background: var(--okbar); } .track .changed { background: var(--changedbar); } .track .failed { background: var(--failedbar); }
.track .unknown, .track .ignored, .track .running { background: var(--otherbar); } .track a { border-left: 1px solid var(--back); }
.track a:focus-visible { outline-offset: -3px; z-index: 1; }
.axis .track { background: none; font-size: 12px; color: var(--dim); } .axis .track span { padding-left: 4px; border-left: 1px solid var(--edge); white-space: nowrap; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 0; margin: 8px 0 0; list-style: none; font-size: 13px; color: var(--dim); }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; }
table { width: 100%; border-collapse: collapse; } th { text-align: left; font-weight: 600; color: var(--dim); font-size: 13px; }
td, th { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--edge); vertical-align: top; overflow-wrap: normal; } td a { overflow-wrap: anywhere; }
.number { width: 110px; white-space: nowrap; position: relative; } .meter { position: absolute; left: 0; bottom: 1px; height: 3px; background: var(--accent); border-radius: 2px; }
details.host { border: 1px solid var(--edge); border-radius: 8px; margin: 0 0 10px; } summary { cursor: pointer; } details.host > summary { padding: 8px 14px; }
.tasks { list-style: none; margin: 0; padding: 0 14px 8px; }
.tasks > li { padding: 5px 0; border-top: 1px solid var(--edge); } .tasks ul { margin: 4px 0 4px 78px; padding-left: 16px; } .tasks details { margin: 4px 0 4px 78px; }
.line { display: flex; flex-wrap: wrap; gap: 2px 10px; align-items: baseline; } .right { margin-left: auto; }
.diff span { display: block; } .diff .head { color: var(--dim); } .diff .added { background: var(--addback); } .diff .removed { background: var(--cutback); }
fieldset { border: 0; padding: 0; margin: 0 0 12px; display: flex; flex-wrap: wrap; gap: 6px 18px; align-items: center; } legend { float: left; margin-right: 12px; color: var(--dim); padding: 0; }
button { font: inherit; color: var(--accent); background: none; border: 1px solid var(--edge); border-radius: 6px; padding: 2px 10px; cursor: pointer; }
footer { max-width: 1100px; margin: 32px auto 0; padding: 12px 20px 32px; color: var(--dim); font-size: 13px; }
@media (max-width: 600px) { main, header, nav, footer { padding-left: 12px; padding-right: 12px; } .right { margin-left: 0; width: 100%; } .tasks ul, .tasks details { margin-left: 0; } .timeline .row { grid-template-columns: 72px 1fr; gap: 8px; } .number { width: 84px; } }
@media print { fieldset, nav, .skip { display: none; } }
`
