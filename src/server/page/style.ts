import { Buffer } from "node:buffer";

/** The page's style sheet. Colours are chosen twice, for light and dark; states are words first and colours second. */
export const style = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--line:#dfe3e8;--text:#1b2430;--dim:#5b6672;--link:#0b5cad;
--good:#12703c;--good-bg:#e2f4e8;--bad:#b3261e;--bad-bg:#fdeceb;--idle:#5b6672;--idle-bg:#eceff2;--code:#eef1f4}
@media (prefers-color-scheme:dark){:root{--bg:#12161b;--card:#1a2028;--line:#2c3540;--text:#e4e9ef;--dim:#9aa7b4;--link:#7ab8ff;
--good:#71d399;--good-bg:#153325;--bad:#ff9b92;--bad-bg:#3a1b1a;--idle:#a5b1bd;--idle-bg:#272f39;--code:#242c36}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0 auto;padding:1rem;max-width:76rem;background:var(--bg);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
a{color:var(--link);text-decoration:none}
a:hover,a:focus-visible{text-decoration:underline}
code,time{font-variant-numeric:tabular-nums}
code{font:.86em/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--code);border-radius:4px;padding:.1em .35em}
header{display:flex;flex-wrap:wrap;align-items:baseline;gap:0 1rem;margin-bottom:1rem}
h1{font-size:1.5rem;margin:0;letter-spacing:-.01em}
h2{font-size:1.1rem;margin:2rem 0 .6rem}
header p,footer p,.hint{color:var(--dim)}
header p,footer p{margin:0;font-size:.9rem}
.hint{font-size:.88rem}
footer{margin:2.5rem 0 1rem;border-top:1px solid var(--line);padding-top:.8rem}
summary code{white-space:nowrap}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.7rem}
.tile{display:block;background:var(--card);border:1px solid var(--line);border-left:4px solid var(--idle);border-radius:8px;
padding:.6rem .9rem;color:var(--text)}
.tile:hover{text-decoration:none;border-color:var(--dim)}
.tile b{font-size:1.5rem;font-variant-numeric:tabular-nums}
.tile small{font-size:.95rem;font-weight:400;color:var(--dim)}
.tile span{display:block;color:var(--dim);font-size:.88rem}
.tile.good,.tile.good:hover{border-left-color:var(--good)}
.tile.bad,.tile.bad:hover{border-left-color:var(--bad)}
.card,.empty{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.5rem .9rem;margin:0 0 .5rem}
.empty{padding:.9rem;color:var(--dim)}
.empty p{margin:0}
.empty strong{color:var(--text)}
summary{cursor:pointer;padding:.15rem 0}
summary .address{margin:0 .5rem}
summary .address,summary .hint{color:var(--dim)}
.state{display:inline-block;padding:0 .55em;border-radius:1em;font-size:.84em;font-weight:600;white-space:nowrap}
.good.state{color:var(--good);background:var(--good-bg)}
.bad.state{color:var(--bad);background:var(--bad-bg)}
.idle.state{color:var(--idle);background:var(--idle-bg)}
strong.bad{color:var(--bad)}
.card{overflow-x:auto}
pre{background:var(--code);border-radius:6px;padding:.7rem .9rem;margin:.7rem 0 0;color:var(--text);overflow-x:auto;
font:.88rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
table{width:100%;border-collapse:collapse;font-size:.93rem}
th{text-align:left;font-weight:600;color:var(--dim);font-size:.84rem;padding:.25rem .8rem .25rem 0;white-space:nowrap}
td{padding:.3rem .8rem .3rem 0;border-top:1px solid var(--line);vertical-align:top;overflow-wrap:break-word;font-variant-numeric:tabular-nums}
table.commands td:not(.wide){white-space:nowrap}
table.even{table-layout:fixed}
.error,tr.error td{color:var(--bad)}
tr.error td,tr.note td{border-top:0;padding-top:0}
.error code{background:var(--bad-bg);color:inherit}
p.error,p.note{margin:.3rem 0}
.card>.hint{margin:.4rem 0 .2rem}
.command{display:inline-block;user-select:all;overflow-wrap:anywhere}
@media (max-width:46rem){
body{padding:.8rem}
thead{display:none}
table,tbody{display:block}
tr{display:flex;flex-wrap:wrap;gap:0 .9rem;border-top:1px solid var(--line);padding:.35rem 0}
td{display:block;border:0;padding:.05rem 0}
td:first-child{font-weight:600}
td[data-name]::before{content:attr(data-name) " ";color:var(--dim);font-size:.88rem}
tr.error,tr.note{border-top:0;padding-top:0}
tr.error td,tr.note td{font-weight:400}
td.wide{flex-basis:100%}
summary .hint{display:block;margin-left:1.1rem}
.tiles{grid-template-columns:1fr 1fr}
}
`;

/** A small picture for the browser's tab: three stacked frames. */
export const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%23d9480f' d='M1 11h14v4H1z'/%3E%3Cpath fill='%23f08c00' d='M1 6h9v4H1z'/%3E%3Cpath fill='%23ffc078' d='M1 1h5v4H1z'/%3E%3C/svg%3E";

let hash: Promise<string> | undefined;

/** What a Content-Security-Policy calls this style sheet, so that it allows no other: an injected one does not count. */
export function styleHash(): Promise<string> {
  hash ??= crypto.subtle
    .digest("SHA-256", new TextEncoder().encode(style))
    .then((digest) => `sha256-${Buffer.from(digest).toString("base64")}`);
  return hash;
}
