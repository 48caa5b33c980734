/** Rows of a full row group, and of a full page within it: all columns cut their pages at the same rows. */
export const ROW_GROUP_ROWS = 131_072
export const PAGE_ROWS = 16_384
export const PAGES_PER_GROUP = ROW_GROUP_ROWS / PAGE_ROWS
