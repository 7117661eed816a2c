/** Marks a SQLite file as a Syncline catalog: "Sync" in ASCII. */
export const APPLICATION_ID = 0x53_79_6e_63;
