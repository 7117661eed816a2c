import { hashUnits } from './feature-hash.ts';

/** Words that say little about what a text is on, folded as the embedder folds them. Common European languages. */
const WORDS = `
a about after all also am an and any are as at be because been before being between both but by can cannot could did do does
doing don done each either else ever few for from get gets getting give given had has have having he her here him his how i
if in into is it its just let like ll make makes many may me might more most much must my need needs no nor not now of off on
once one only or other our out over own per please same see shall she should so some such than that the their them then there
these they this those through to too under until up us use used uses using ve very via want was way we were what when where
which while who whom whose why will with within without would yes you your
aber als am auch auf aus bei bin bis das dass dem den der des die doch du durch ein eine einem einen einer eines er es fur
hat haben ich ihr im ist ja kann kein keine man mein mit nach nicht noch nur oder sein sich sie sind uber um und uns vom von
vor war was wenn werden wie wir wird zu zum zur
au aux avec ce ces cette comme dans de des du elle en est et etre il ils je la le les leur lui mais me meme mes mon ne nous
on ou par pas plus pour qu que qui sa se ses si son sont sur te tu un une vous
al con como cual cuando del desde donde el ella ellos entre era es esta este esto ha hay las lo los mas mi muy no nos o para
pero por porque que quien se si sin sobre su sus tambien tan una uno unos y ya yo
che chi ci da dal dalla degli dei del della delle di gli ho il io ma nel nella per piu sono tra un uno
ao as com da das do dos e ela ele em esta foi isso isto mais mas na nas nao nos num ou pela pelo pra que sao seu sua tem um uma
`;

/** Hashes ({@link hashUnits}) of the stop words. */
export const STOP_WORD_HASHES: ReadonlySet<number> = new Set(WORDS.trim().split(/\s+/).map(hashUnits));
