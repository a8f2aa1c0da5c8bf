import { lazy } from "../../parts/lazy.tsx";
import { Popover } from "../../parts/popover.tsx";
import { text } from "../../strings.ts";
import type { MenuProps } from "./menus.tsx";
import "./share.css";

// Few visitors open a menu.
const menus = () => import("./menus.tsx");
const Link = lazy(async () => (await menus()).Link);
const Downloads = lazy(async () => (await menus()).Downloads);
const Embedding = lazy(async () => (await menus()).Embedding);

/** The link, the files and the code for embedding of what is shown. */
export function Tools(props: MenuProps) {
  return (
    <>
      <Popover label={text.share.share} side="right">
        {() => <Link {...props} />}
      </Popover>
      <Popover label={text.share.download} side="right">
        {() => <Downloads {...props} />}
      </Popover>
      <Popover label={text.share.embed} side="right">
        {() => <Embedding {...props} />}
      </Popover>
    </>
  );
}
