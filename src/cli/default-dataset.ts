/** Where `add` puts documents when nobody names a dataset. */
export const DEFAULT_DATASET = 'default/documents';
