import { columnVisibilityFeature, createColumnHelper, tableFeatures, useTable } from "@tanstack/react-table";
import type { ColumnDef, Row as TableRow } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, memo, type ReactNode, useEffect, useMemo, useRef } from "react";

export const features = tableFeatures({ columnVisibilityFeature });
export type Features = typeof features;

/** What `meta` of a column may say. Where columns say how wide they are (in px), none is measured, and none moves. */
interface Look {
  align?: "right";
  width?: number;
}

/** Make columns of rows of one kind. */
export const columnsOf = <Row extends object>() => createColumnHelper<Features, Row>();

const ROW_PX = 36;
const AHEAD = 6;
/** The next page is fetched when so many rows are left: it is there before somebody is. */
const NEAR_END = 80;

interface Props<Row extends object> {
  label: string;
  // The values of columns differ in type; a table only shows them.
  // oxlint-disable-next-line typescript/no-explicit-any
  columns: readonly ColumnDef<Features, Row, any>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  hidden?: Readonly<Record<string, boolean>>;
  onOpen?: (row: Row) => void;
  /** Called when the last row is near, for the next page. */
  onNearEnd?: () => void;
  empty?: ReactNode;
  height?: string;
}

/** Rows, of which only those in sight are in the page. Arrows go up and down, Enter opens. */
export function Table<Row extends object>(props: Props<Row>) {
  const { label, rows, keyOf, onOpen, onNearEnd, empty, height = "max-h-[70dvh]" } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: AHEAD,
  });
  const seen = virtual.getVirtualItems();
  const first = seen[0]?.index ?? 0;
  const last = seen.at(-1)?.index ?? 0;
  // The table knows those in sight alone: it makes all its rows anew whenever there are more of them.
  const data = useMemo(() => rows.slice(first, last + 1), [rows, first, last]);
  const columnVisibility = useMemo(() => invert(props.hidden), [props.hidden]);
  const table = useTable({
    features,
    columns: props.columns as ColumnDef<Features, Row, unknown>[],
    data,
    getRowId: keyOf,
    state: { columnVisibility },
  });
  useEffect(() => {
    if (rows.length > 0 && last >= rows.length - NEAR_END) onNearEnd?.();
  }, [last, rows.length, onNearEnd]);

  if (rows.length === 0 && empty !== undefined) return empty;
  const columns = table.getVisibleLeafColumns();
  const above = seen[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (seen.at(-1)?.end ?? 0);
  return (
    <div ref={scroller} className={`overflow-auto ${height}`} tabIndex={-1}>
      <table aria-label={label} aria-rowcount={rows.length} className={`w-full border-separate border-spacing-0 text-left text-[13px] ${columns.every((column) => lookOf(column).width) ? "table-fixed" : ""}`}>
        <thead className="sticky top-0 z-[1]">
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {group.headers.map((header) => (
                <th
                  key={header.id}
                  scope="col"
                  style={{ width: lookOf(header.column).width }}
                  className={`h-9 border-b border-line bg-surface px-2 text-xs font-medium whitespace-nowrap text-muted ${side(header.column)}`}
                >
                  {header.isPlaceholder ? null : <table.FlexRender header={header} />}
                </th>
              ))}
            </tr>
          ))}
        </thead>
        <tbody className="[&>tr:last-child>td]:border-b-0">
          {above > 0 && <tr aria-hidden style={{ height: above }} />}
          {table.getRowModel().rows.map((row, index) => (
            <Line key={row.id} row={row} at={first + index + 1} columns={columns} onOpen={onOpen} />
          ))}
          {below > 0 && <tr aria-hidden style={{ height: below }} />}
        </tbody>
      </table>
    </div>
  );
}

interface LineProps<Row extends object> {
  row: TableRow<Features, Row>;
  /** Its place in the whole list, from 1. */
  at: number;
  /** The columns that are shown. */
  columns: readonly unknown[];
  onOpen: ((row: Row) => void) | undefined;
}

/** One row; it is made anew where it has become another, and not whenever others come and go. */
const Line = memo(
  ({ row, at, onOpen }: LineProps<object>) => (
    <tr
      aria-rowindex={at}
      tabIndex={onOpen ? 0 : undefined}
      onClick={() => onOpen?.(row.original)}
      onKeyDown={(event) => walk(event, () => onOpen?.(row.original))}
      className={onOpen ? "cursor-pointer hover:bg-raised focus-visible:bg-raised" : ""}
    >
      {row.getVisibleCells().map((cell) => {
        const show = cell.column.columnDef.cell;
        return (
          <td key={cell.column.id} className={`h-9 max-w-56 truncate border-b border-line px-2 ${side(cell.column)}`}>
            {/* Called, where FlexRender would make a component of each. */}
            {typeof show === "function" ? show(cell.getContext()) : show}
          </td>
        );
      })}
    </tr>
  ),
  (before, now) => before.row.original === now.row.original && before.at === now.at && before.columns === now.columns && before.onOpen === now.onOpen,
) as <Row extends object>(props: LineProps<Row>) => ReactNode;

function lookOf({ columnDef }: { columnDef: { meta?: unknown } }): Look {
  return columnDef.meta ?? {};
}

function side(column: { columnDef: { meta?: unknown } }): string {
  return lookOf(column).align === "right" ? "text-right" : "";
}

function invert(hidden: Readonly<Record<string, boolean>> = {}): Record<string, boolean> {
  return Object.fromEntries(Object.entries(hidden).map(([name, is]) => [name, !is]));
}

function walk(event: KeyboardEvent<HTMLTableRowElement>, open: () => void): void {
  const row = event.currentTarget;
  const to = event.key === "ArrowDown" ? row.nextElementSibling : event.key === "ArrowUp" ? row.previousElementSibling : null;
  if (to instanceof HTMLElement) {
    event.preventDefault();
    to.focus();
  } else if (event.key === "Enter" && event.target === row) open();
}
